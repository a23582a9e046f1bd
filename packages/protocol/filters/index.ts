export { type CompiledFilter, compileFilter } from './compile-filter.ts';
export { compileEventFields } from './event-fields.ts';
export { type CompiledEventFilter, compileEventFilter, type FilterableEvent, type RelatedBy } from './event-filter.ts';
export type { EventFilter, Filter, RoomEventFilter, RoomFilter } from './filter.ts';
export { filterJson, parseFilter, parseRoomEventFilter } from './parse-filter.ts';
