import type { schemas } from '@myelin/protocol/api';
import type { UserId } from '@myelin/protocol/identifiers';
import type { Static } from 'typebox';

/** A JSON object. */
export type JsonObject = Static<typeof schemas.JsonObject>;
/** A JSON value. */
export type Json = Static<typeof schemas.JsonValue>;

/** What a client sends as `auth`. */
export type AuthData = JsonObject & { readonly type?: string; readonly session?: string };

/** One try at a stage. */
export interface StageAttempt {
  readonly auth: AuthData;
  /** Whoever makes the request; the stage must be theirs. Absent where nobody is logged in. */
  readonly userId?: UserId;
  /** The client's address. */
  readonly ip: string;
}

/** What a person fills in where the client does not know the stage. */
export interface StageForm {
  readonly title: string;
  readonly text: string;
  /** Where to read what is agreed to. */
  readonly links?: readonly { readonly name: string; readonly url: string }[];
  readonly fields: readonly {
    readonly name: string;
    readonly label: string;
    readonly type: 'text' | 'password';
    readonly autocomplete: string;
  }[];
  readonly button: string;
}

/** One way to prove something, such as a password; https://spec.matrix.org/v1.19/client-server-api/#authentication-types */
export interface Stage {
  readonly type: string;
  /** Older names that clients still send. */
  readonly aliases?: readonly string[];
  /** What the client must know, sent as `params`. */
  readonly params?: JsonObject;
  /** Gives what is to be remembered of the proof. Throws a MatrixError where it proves nothing. */
  check(attempt: StageAttempt): Promise<Json>;
  /** The request that was proved has been made. */
  complete?(result: Json): Promise<void>;
  /** The session lapsed before its request was made, or the request failed: what `check` set aside is free again. */
  release?(result: Json): Promise<void>;
  readonly form?: StageForm;
}

/** Proves nothing, and so can be done by every client; https://spec.matrix.org/v1.19/client-server-api/#dummy-auth */
export const dummyStage: Stage = {
  type: 'm.login.dummy',
  check: async () => true,
  form: { title: 'Continue', text: 'Nothing is asked of you here.', fields: [], button: 'Continue' },
};
