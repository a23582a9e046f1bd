import type { StateChange } from '../../hooks.ts';
import type { StateDifference } from '../../state/index.ts';
import type { ReceiveTools } from '../receive-tools.ts';

/** Changes of the state that are not members': a few, in a room of any size. */
export async function otherChanges(tools: ReceiveTools, differences: readonly StateDifference[]): Promise<StateChange[]> {
  const events = await tools.events.byNids(differences.flatMap(({ before, after }) => after ?? before ?? []));
  return differences.flatMap(({ type, stateKey, before, after }) => {
    const event = events.get(after ?? before ?? 0);
    if (event?.stateKey === undefined) return [];
    const change = { typeNid: type, stateKeyNid: stateKey, type: event.type, stateKey: event.stateKey, beforeNid: before };
    return [{ ...change, after: after === undefined ? undefined : event }];
  });
}
