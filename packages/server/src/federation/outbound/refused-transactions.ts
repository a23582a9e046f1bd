import { RemoteError } from '../../remote-servers/index.ts';

/** What is to go to a server in one transaction. */
export interface Load<Event, Message> {
  readonly events: readonly Event[];
  readonly edus: readonly Message[];
}

const refusesTheContent = new Set([400, 413, 422]);

/**
 * Whether the server would not have what it was sent, whenever it comes: not one that is away, busy, or does not want to hear from us.
 * Something else than a homeserver may answer with such a status too, but not with a Matrix error.
 */
function isRefusedForGood(error: unknown): error is RemoteError {
  if (!(error instanceof RemoteError) || error.failure !== 'refused' || error.errcode === undefined) return false;
  return error.status !== undefined && refusesTheContent.has(error.status);
}

/**
 * Transmits it all. Where the server refuses the whole for good, the halves are tried: what it will not have even alone is given up, and
 * holds up nothing else. Rejects where the server could not be told now.
 */
export async function transmitWhatIsTaken<Event, Message>(
  load: Load<Event, Message>,
  transmit: (load: Load<Event, Message>) => Promise<void>,
  givenUp: (load: Load<Event, Message>, error: RemoteError) => void,
): Promise<void> {
  try {
    await transmit(load);
  } catch (error) {
    if (!isRefusedForGood(error)) throw error;
    const parts = halves(load);
    if (parts === undefined) return givenUp(load, error);
    for (const part of parts) await transmitWhatIsTaken(part, transmit, givenUp);
  }
}

/** Undefined where nothing is left to divide. Events come before messages, in their order. */
function halves<Event, Message>({ events, edus }: Load<Event, Message>): Load<Event, Message>[] | undefined {
  if (events.length > 0 && edus.length > 0)
    return [
      { events, edus: [] },
      { events: [], edus },
    ];
  if (events.length + edus.length < 2) return undefined;
  const middle = Math.ceil((events.length + edus.length) / 2);
  return [
    { events: events.slice(0, middle), edus: edus.slice(0, middle) },
    { events: events.slice(middle), edus: edus.slice(middle) },
  ];
}
