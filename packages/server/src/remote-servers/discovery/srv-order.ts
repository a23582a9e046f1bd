import type { SrvRecord } from '../../platform/outgoing/index.ts';
import type { Random } from '../../platform/random.ts';

/**
 * The records in the order in which they are to be tried: by priority, among equals drawn by weight.
 * https://www.rfc-editor.org/rfc/rfc2782. The lone record `.` says that the service is not offered: then there are none.
 */
export function srvOrder(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const offered = records.filter(({ name }) => name !== '.' && name !== '');
  const priorities = [...new Set(offered.map(({ priority }) => priority))].toSorted((a, b) => a - b);
  return priorities.flatMap((priority) =>
    drawn(
      offered.filter((record) => record.priority === priority),
      random,
    ),
  );
}

function drawn(records: SrvRecord[], random: Random): SrvRecord[] {
  const order: SrvRecord[] = [];
  // Those of weight 0 first, as the RFC has it: they are rarely drawn, but can be.
  const left = records.toSorted((a, b) => a.weight - b.weight);
  while (left.length > 0) {
    const sum = left.reduce((total, { weight }) => total + weight, 0);
    let draw = random.integer(0, sum + 1);
    const found = left.findIndex(({ weight }) => (draw -= weight) <= 0);
    order.push(...left.splice(Math.max(0, found), 1));
  }
  return order;
}
