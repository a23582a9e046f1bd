export { booleanField, listField, objectField, textField, textsField } from './field.ts';
export { globMatches } from './glob.ts';
export { isMembership, readMember, readMembership } from './membership.ts';
export type { MemberContent, Membership } from './membership.ts';
export { readGuestsMayJoin, readHistoryVisibility, readJoinRules } from './room-access.ts';
export type { HistoryVisibility, JoinRule, JoinRules } from './room-access.ts';
export {
  readAvatarUrl,
  readCanonicalAlias,
  readCreate,
  readEncryptionAlgorithm,
  readName,
  readReplacementRoom,
  readSpaceChild,
  readTopic,
} from './room-identity.ts';
export type { CreateContent, SpaceChild } from './room-identity.ts';
export { aclAllows, readServerAcl } from './server-acl.ts';
export type { ServerAcl } from './server-acl.ts';
