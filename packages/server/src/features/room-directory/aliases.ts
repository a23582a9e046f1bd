import { own } from '@myelin/protocol/canonical-json';
import { forbidden, invalidParam, MatrixError, notFound, roomInUse, unknown } from '@myelin/protocol/errors';
import { listField, textField } from '@myelin/protocol/events';
import { domainOf, isRoomAlias, type RoomAlias, type RoomId, type ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import { ConstraintError, type Database, type Tx } from '../../platform/database/index.ts';
import { serversOfRoom, type RoomIdentity, type Rooms, type Viewer } from '../../rooms/index.ts';
import { aliasesOfRoom, deleteAlias, findAlias, insertAlias, type AliasRow } from './aliases.store.ts';
import { compileDirectoryRules, type DirectoryWish } from './directory-rules.ts';
import type { AliasTarget, RemoteDirectory } from './remote-directory.ts';
import { isMember, mayManage, type AuthorityTools, type DirectoryUser } from './room-authority.ts';

export interface AliasNeeds extends AuthorityTools {
  readonly config: Pick<Config, 'require_membership_for_aliases' | 'alias_creation_rules'>;
  readonly database: Database;
  readonly rooms: Rooms;
  readonly serverName: ServerName;
  readonly remote: RemoteDirectory;
}

/** An alias that nobody else can take while its room is being made. */
export interface AliasReservation {
  /** Points the alias to the room, in the transaction that makes the room. */
  write(tx: Tx, room: { readonly roomNid: number }): void;
  /** Whether the alias leads somewhere now: another process may have taken it. */
  isTaken(): Promise<boolean>;
  /** Lets go of the alias, whether the room was made or not. */
  release(): void;
}

/**
 * The names by which rooms are found.
 * https://spec.matrix.org/v1.19/client-server-api/#room-aliases
 */
export class Aliases {
  readonly #needs: AliasNeeds;
  readonly #allowed: (wish: DirectoryWish) => boolean;
  readonly #reserved = new Set<RoomAlias>();

  constructor(needs: AliasNeeds) {
    this.#needs = needs;
    this.#allowed = compileDirectoryRules(needs.config.alias_creation_rules, 'allow');
  }

  /** The room behind an alias and servers that are in it; undefined where there is none. Throws M_INVALID_PARAM for what is no alias. */
  async resolve(alias: RoomAlias): Promise<AliasTarget | undefined> {
    const { database, rooms, names, serverName, remote } = this.#needs;
    checkGrammar(alias);
    if (domainOf(alias) !== serverName) return remote.resolve(alias);
    const found = await findAlias(database, alias);
    if (!found) return undefined;
    const { roomId } = await rooms.ids.byNid(found.roomNid);
    const others = (await serversOfRoom({ database, names, rooms }, found.roomNid)).filter((server) => server !== serverName);
    // We can tell others of the room because we are in it, or have been.
    return { roomId, servers: [serverName, ...others] };
  }

  /** Whether an alias, of this or another server, leads to the room: what `m.room.canonical_alias` may only list. */
  async pointsTo(alias: RoomAlias, roomId: RoomId): Promise<boolean> {
    return isRoomAlias(alias) && (await this.resolve(alias))?.roomId === roomId;
  }

  /**
   * Points a new alias to a room. Throws M_INVALID_PARAM where it is none of this server's, M_FORBIDDEN, M_NOT_FOUND where there is
   * no such room, M_UNKNOWN with status 409 where it is taken.
   */
  async create(alias: RoomAlias, roomId: RoomId, by: DirectoryUser): Promise<void> {
    const { config, database, names, rooms } = this.#needs;
    this.#checkOurs(alias);
    const room = await rooms.ids.find(roomId);
    if (!by.isAdmin) {
      const entitled = !config.require_membership_for_aliases || (room !== undefined && (await isMember(this.#needs, room, by)));
      if (!entitled) throw forbidden('Only members of a room may give it an alias');
      this.#checkAllowed({ userId: by.userId, aliases: [alias], roomId });
    }
    if (!room) throw notFound('This server does not know the room');
    const row: AliasRow = { roomNid: room.nid, creatorNid: await names.idOf(by.userId) };
    if (this.#reserved.has(alias) || (await findAlias(database, alias))) throw exists(alias);
    await database
      .write((tx) => insertAlias(tx, alias, row))
      .catch((error: unknown) => {
        // Somebody was faster.
        throw error instanceof ConstraintError && error.kind === 'unique' ? exists(alias) : error;
      });
  }

  /** Keeps an alias for a room that is about to be made. Throws M_INVALID_PARAM, M_FORBIDDEN, M_ROOM_IN_USE. */
  async reserve(alias: RoomAlias, by: DirectoryUser): Promise<AliasReservation> {
    this.#checkOurs(alias);
    if (!by.isAdmin) this.#checkAllowed({ userId: by.userId, aliases: [alias], roomId: undefined });
    if (this.#reserved.has(alias)) throw roomInUse();
    this.#reserved.add(alias);
    const release = (): void => void this.#reserved.delete(alias);
    try {
      const creatorNid = await this.#needs.names.idOf(by.userId);
      if (await findAlias(this.#needs.database, alias)) throw roomInUse();
      return {
        write: (tx, { roomNid }) => insertAlias(tx, alias, { roomNid, creatorNid }),
        isTaken: async () => (await findAlias(this.#needs.database, alias)) !== undefined,
        release,
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Removes an alias: for who made it, server administrators, and those with the power level for `m.room.canonical_alias`. That event
   * loses the alias too, where the user may change it. Throws M_INVALID_PARAM, M_NOT_FOUND, M_FORBIDDEN.
   * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
   */
  async delete(alias: RoomAlias, by: DirectoryUser): Promise<void> {
    const { database, names, rooms } = this.#needs;
    this.#checkOurs(alias);
    const found = await findAlias(database, alias);
    if (!found) throw aliasNotFound(alias);
    const room = await rooms.ids.byNid(found.roomNid);
    const isCreator = (await names.knownIdOf(by.userId)) === found.creatorNid;
    if (!isCreator && !(await mayManage(this.#needs, room, by))) throw forbidden(`You may not delete ${alias}`);
    await database.write((tx) => deleteAlias(tx, alias, room.nid));
    await this.#leaveOut(alias, room, by);
  }

  /** This server's aliases of a room, for its members, for all where anybody may read it, for administrators. Throws M_FORBIDDEN. */
  async ofRoom(roomId: RoomId, viewer: Viewer, by: DirectoryUser): Promise<RoomAlias[]> {
    const { database, rooms } = this.#needs;
    const room = await rooms.ids.find(roomId);
    const access = room && (by.isAdmin ? {} : await rooms.visibility.accessTo(viewer, room.nid));
    // Who has left reads the past, and aliases are of today.
    if (!room || !access || ('until' in access && access.until !== undefined)) throw forbidden('You are not in this room');
    return aliasesOfRoom(database, room.nid);
  }

  async #leaveOut(alias: RoomAlias, room: RoomIdentity, by: DirectoryUser): Promise<void> {
    const { rooms } = this.#needs;
    const type = 'm.room.canonical_alias';
    const event = await rooms.states.current(room.nid, type, '');
    if (!event) return;
    const alternatives = listField(event.content, 'alt_aliases');
    const isCanonical = textField(event.content, 'alias') === alias;
    if (!isCanonical && !alternatives.includes(alias)) return;
    const content = { ...event.content };
    if (isCanonical) delete content['alias'];
    if (own(content, 'alt_aliases') !== undefined) content['alt_aliases'] = alternatives.filter((one) => one !== alias);
    await rooms
      .send(room, [{ type, stateKey: '', sender: by.userId, content }], { onlyInPlaceOf: event.nid })
      .catch((error: unknown) => {
        // The alias is gone all the same; the specification wants no error for this.
        if (!(error instanceof MatrixError && error.errcode === 'M_FORBIDDEN')) throw error;
      });
  }

  #checkOurs(alias: RoomAlias): void {
    checkGrammar(alias);
    if (domainOf(alias) !== this.#needs.serverName) throw invalidParam(`${alias} is not an alias of this server`);
  }

  #checkAllowed(wish: DirectoryWish): void {
    if (!this.#allowed(wish)) throw forbidden('The rules of this server do not let you make this alias');
  }
}

/** 404 with the alias that leads nowhere. */
export function aliasNotFound(alias: RoomAlias): MatrixError {
  return notFound(`Room alias ${alias} not found`);
}

function exists(alias: RoomAlias): MatrixError {
  return unknown(`Room alias ${alias} already exists`, 409);
}

function checkGrammar(alias: RoomAlias): void {
  if (!isRoomAlias(alias)) throw invalidParam(`${JSON.stringify(alias)} is not a room alias`);
}
