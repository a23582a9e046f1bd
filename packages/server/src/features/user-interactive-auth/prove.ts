import { isDeepStrictEqual } from 'node:util';

import { forbidden, MatrixError, unknown } from '@myelin/protocol/errors';

import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import { type Answer, answer, type AnonymousRequester, type HttpRequest, type UserRequester } from '../../platform/http/index.ts';
import type { Random } from '../../platform/random.ts';
import {
  insertSession,
  insertStage,
  readSession,
  removeSession,
  sessionHashOf,
  type UiaSession,
  updateBody,
} from './sessions.store.ts';
import type { AuthData, Json, JsonObject, Stage } from './stage.ts';

/** Sessions live for two days, as Synapse's do. */
export const sessionLifetimeMs = 48 * 3600 * 1000;

const sessionIdLength = 24;

/** A request that is to be confirmed by who makes it. */
export interface RequestToProve<Body> {
  readonly request: Pick<HttpRequest, 'method' | 'url' | 'ip'>;
  readonly body: Body & { readonly auth?: AuthData };
  readonly requester: UserRequester | AnonymousRequester;
  /** The ways to confirm it: for each the stages, in order. */
  readonly flows: readonly (readonly Stage[])[];
  /** What is confirmed is the right to ask, not this very body: somebody who registers may choose another name on the way. */
  readonly bodyMayChange?: boolean;
  /** A confirmation that was given shortly before in the same session of the user will do (`ui_auth.session_timeout`). */
  readonly earlierProofWillDo?: boolean;
}

/** Either what was proved, or what the client must hear now. */
export type Proof<Body> =
  | {
      readonly done: true;
      /** What each stage proved, by its type. */
      readonly completed: Readonly<Record<string, Json>>;
      /** The body, without `auth`; that of an earlier request where this one had nothing but `auth`. */
      readonly body: Omit<Body, 'auth'>;
      /** Uses the proof up, just before the request is done: it serves once. Throws where it has served already. */
      claim(): Promise<void>;
    }
  | { readonly done: false; readonly answer: Answer };

/** Remembers when users last confirmed something. */
export interface EarlierProofs {
  lastProvedTs(requester: UserRequester): Promise<number | undefined>;
  proved(requester: UserRequester): Promise<void>;
}

export interface ProveNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an earlier confirmation serves, milliseconds; null: for ever. */
  readonly reuseMs: number | null;
  readonly earlierProofs: EarlierProofs;
}

/**
 * Asks whoever makes a request to prove who they are, stage by stage.
 * https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 */
export async function prove<Body extends object>(needs: ProveNeeds, asked: RequestToProve<Body>): Promise<Proof<Body>> {
  const { database, clock, random } = needs;
  const { auth, ...body } = asked.body as JsonObject & { auth?: AuthData };
  if (await earlierProofServes(needs, asked)) {
    return { done: true, completed: {}, body: body as Omit<Body, 'auth'>, claim: async () => {} };
  }
  const known = auth?.session === undefined ? undefined : await openSession(needs, auth.session, asked, body);
  const session = known ?? newSession(asked, body, random);
  const attempt = auth?.type === undefined ? { completed: session.completed } : await tryStage(asked, session, auth);
  const after = { ...session, completed: attempt.completed };
  const flow = asked.flows.find((stages) => stages.every(({ type }) => Object.hasOwn(after.completed, type)));
  const setsAside = flow?.some(({ release }) => release !== undefined);
  if (known) await saveProgress(database, session, after);
  // A session that begins and ends with one request need not be kept, unless something must be released when the request fails.
  else if (!flow || setsAside) await database.write((tx) => insertSession(tx, after, clock.now()));
  if (!flow) return { done: false, answer: challenge(asked.flows, after, attempt.failure) };
  if (asked.requester.kind === 'user') await needs.earlierProofs.proved(asked.requester);
  return {
    done: true,
    completed: after.completed,
    body: after.body as Omit<Body, 'auth'>,
    async claim() {
      if (!known && !setsAside) return;
      if (!(await removeSession(database, sessionHashOf(after.id)))) throw unknownSession();
    },
  };
}

async function earlierProofServes(needs: ProveNeeds, asked: RequestToProve<object>): Promise<boolean> {
  if (!asked.earlierProofWillDo || needs.reuseMs === 0 || asked.requester.kind !== 'user') return false;
  const last = await needs.earlierProofs.lastProvedTs(asked.requester);
  return last !== undefined && (needs.reuseMs === null || last + needs.reuseMs > needs.clock.now());
}

function newSession(asked: RequestToProve<object>, body: JsonObject, random: Random): UiaSession {
  const userNid = userNidOf(asked);
  return {
    id: random.token(sessionIdLength),
    method: asked.request.method,
    path: pathOf(asked),
    ...(userNid !== undefined && { userNid }),
    body,
    completed: {},
  };
}

/** The session that the client names. Throws where there is none, or where it was begun for something else. */
async function openSession(
  { database, clock }: ProveNeeds,
  id: string,
  asked: RequestToProve<object>,
  body: JsonObject,
): Promise<UiaSession> {
  const session = await readSession(database, id, clock.now() - sessionLifetimeMs);
  if (!session) throw unknownSession();
  const isSame =
    session.method === asked.request.method && session.path === pathOf(asked) && session.userNid === userNidOf(asked);
  if (!isSame) throw changed();
  // The first request may be empty, to learn the flows; later ones may be, since the server knows what was asked.
  if (Object.keys(body).length === 0) return session;
  if (!asked.bodyMayChange && Object.keys(session.body).length > 0 && !isDeepStrictEqual(session.body, body)) throw changed();
  return isDeepStrictEqual(session.body, body) ? session : withNewBody(database, { ...session, body });
}

async function withNewBody(database: Database, session: UiaSession): Promise<UiaSession> {
  await database.write((tx) => updateBody(tx, session));
  return session;
}

/** Tries the stage that the client names, if it is its turn; a stage that is complete is not tried again. */
async function tryStage(
  asked: RequestToProve<object>,
  session: UiaSession,
  auth: AuthData,
): Promise<{ readonly completed: UiaSession['completed']; readonly failure?: MatrixError }> {
  const { completed } = session;
  const stages = new Map(
    asked.flows.flat().flatMap((stage) => [stage.type, ...(stage.aliases ?? [])].map((type) => [type, stage])),
  );
  const stage = stages.get(auth.type ?? '');
  if (!stage) return { completed, failure: unknown('That stage is not part of any flow', 400) };
  if (Object.hasOwn(completed, stage.type)) return { completed };
  const isItsTurn = asked.flows.some((flow) => flow.find(({ type }) => !Object.hasOwn(completed, type))?.type === stage.type);
  if (!isItsTurn) return { completed, failure: forbidden('The stages of a flow must be completed in order') };
  const { requester, request } = asked;
  try {
    const result = await stage.check({
      auth,
      ip: request.ip,
      ...(requester.kind === 'user' && { userId: requester.userId }),
    });
    return { completed: { ...completed, [stage.type]: result } };
  } catch (error) {
    // Who tries too often, and a server in trouble, are told as everywhere else.
    if (!(error instanceof MatrixError) || error.status >= 429) throw error;
    return { completed, failure: error };
  }
}

async function saveProgress(database: Database, before: UiaSession, after: UiaSession): Promise<void> {
  const fresh = Object.entries(after.completed).filter(([stage]) => !Object.hasOwn(before.completed, stage));
  if (fresh.length === 0) return;
  await database.write((tx) => {
    for (const [stage, result] of fresh) insertStage(tx, after.id, stage, result);
  });
}

function challenge(flows: RequestToProve<object>['flows'], session: UiaSession, failure: MatrixError | undefined): Answer {
  const params = Object.fromEntries(
    flows.flat().flatMap(({ type, params }) => (params === undefined ? [] : [[type, params] as const])),
  );
  return answer({
    status: 401,
    body: {
      ...failure?.toJson(),
      session: session.id,
      flows: flows.map((flow) => ({ stages: flow.map(({ type }) => type) })),
      params,
      completed: Object.keys(session.completed),
    },
  });
}

function pathOf({ request }: RequestToProve<object>): string {
  return request.url.split('?', 1)[0] ?? '';
}

function userNidOf({ requester }: RequestToProve<object>): number | undefined {
  return requester.kind === 'user' ? requester.userNid : undefined;
}

function changed(): MatrixError {
  return forbidden('The requested operation has changed while it was being confirmed');
}

function unknownSession(): MatrixError {
  return unknown('Unknown session', 400);
}
