export { PartialRooms, type PartialRoom } from './partial-rooms.ts';
