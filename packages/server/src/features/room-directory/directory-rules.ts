import { compileGlob, type Glob } from '@myelin/protocol/globs';
import type { RoomAlias, RoomId, UserId } from '@myelin/protocol/identifiers';

/** One rule of `alias_creation_rules` or `room_list_publication_rules`. */
export interface DirectoryRule {
  readonly user_id: string;
  readonly alias: string;
  readonly room_id: string;
  readonly action: 'allow' | 'deny';
}

/** What somebody wants to do. */
export interface DirectoryWish {
  readonly userId: UserId;
  /** The alias to be made, or those that the room to be published has. */
  readonly aliases: readonly RoomAlias[];
  /** Undefined for a room that is being made. */
  readonly roomId: RoomId | undefined;
}

interface CompiledRule {
  readonly user: Glob;
  readonly alias: Glob;
  readonly anyAlias: boolean;
  readonly room: Glob;
  readonly allows: boolean;
}

/**
 * Compiles rules into a function that tells whether a wish is allowed: the first rule that matches decides, and when none does the
 * answer is no. A room without aliases is matched only by rules for any alias; one with several, where one of them matches.
 * `null` stands for no rules at all, which means `otherwise`.
 */
export function compileDirectoryRules(
  rules: readonly DirectoryRule[] | null,
  otherwise: 'allow' | 'deny',
): (wish: DirectoryWish) => boolean {
  if (rules === null) return () => otherwise === 'allow';
  const compiled = rules.map((rule): CompiledRule => {
    return {
      user: compileGlob(rule.user_id, { ignoreCase: true }),
      alias: compileGlob(rule.alias, { ignoreCase: true }),
      anyAlias: rule.alias === '*',
      room: compileGlob(rule.room_id, { ignoreCase: true }),
      allows: rule.action === 'allow',
    };
  });
  return ({ userId, aliases, roomId }) => {
    const decisive = compiled.find(
      ({ user, alias, anyAlias, room }) =>
        user.matches(userId) &&
        (anyAlias || aliases.some((one) => alias.matches(one))) &&
        // No rule can know the id of a room that is not there yet; `!` stands for it, so that `*` and `!*` match.
        room.matches(roomId ?? '!'),
    );
    return decisive?.allows ?? false;
  };
}
