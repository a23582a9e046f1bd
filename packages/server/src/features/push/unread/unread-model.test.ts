import assert from 'node:assert/strict';

import type { EventId, UserId } from '@myelin/protocol/identifiers';
import {
  evaluatePushRules,
  highlights,
  notifies,
  putPushRule,
  setPushRuleActions,
  untouchedPushRules,
  type UserPushRules,
} from '@myelin/protocol/push-rules';
import { forEachDatabase } from '@myelin/testing/databases';

import { createSeededRandom, type Random } from '../../../platform/random.ts';
import type { RoomIdentity, StoredEvent } from '../../../rooms/index.ts';
import { openPushWorld, says, membership, user, type PushWorld } from '../push.fixture.ts';
import { openUnread } from './unread.ts';

const people = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'].map(user);

type RulesChange = (room: RoomIdentity) => (rules: UserPushRules) => UserPushRules;

/** What people do to their rules. */
const ruleChanges: readonly RulesChange[] = [
  ({ roomId }) =>
    (rules) =>
      putPushRule(rules, { kind: 'room', ruleId: roomId }, { actions: [] }),
  ({ roomId }) =>
    (rules) =>
      putPushRule(rules, { kind: 'room', ruleId: roomId }, { actions: ['notify', { set_tweak: 'sound', value: 'ding' }] }),
  () => (rules) =>
    putPushRule(rules, { kind: 'content', ruleId: 'word' }, { pattern: 'cake', actions: ['notify', { set_tweak: 'highlight' }] }),
  () => (rules) => putPushRule(rules, { kind: 'sender', ruleId: user('alice') }, { actions: [] }),
  () => (rules) => setPushRuleActions(rules, { kind: 'override', ruleId: '.m.rule.suppress_notices' }, ['notify']),
  () => (rules) =>
    putPushRule(
      rules,
      { kind: 'override', ruleId: 'name' },
      { conditions: [{ kind: 'contains_display_name' }], actions: ['notify', { set_tweak: 'highlight' }] },
    ),
  () => () => untouchedPushRules,
];

interface Noted {
  readonly event: StoredEvent;
  readonly thread: EventId | 'main';
  readonly highlight: boolean;
}

/** The counts done the plain way: a list for each person of what notified them and was not read yet. */
class Model {
  readonly rules = new Map<UserId, UserPushRules>(people.map((who) => [who, untouchedPushRules]));
  readonly joined = new Set<UserId>(people);
  readonly ignored = new Map<UserId, UserId>();
  readonly unread = new Map<UserId, Noted[]>(people.map((who) => [who, []]));

  sent(event: StoredEvent, thread: EventId | 'main'): void {
    for (const who of this.joined) {
      if (who === event.sender) {
        this.read(who, event, thread);
        continue;
      }
      if (this.ignored.get(who) === event.sender) continue;
      const actions = evaluatePushRules(event, this.rules.get(who) ?? untouchedPushRules, {
        userId: who,
        displayName: who.slice(1, who.indexOf(':')),
        memberCount: this.joined.size,
        senderPowerLevel: event.sender === people[0] ? Infinity : 0,
        notificationLevels: {},
      });
      if (notifies(actions)) this.unread.get(who)?.push({ event, thread, highlight: highlights(actions) });
    }
  }

  read(who: UserId, upTo: StoredEvent, thread: EventId | 'main' | undefined): void {
    const isRead = (noted: Noted) =>
      (noted.event.position ?? 0) <= (upTo.position ?? 0) && (thread === undefined || noted.thread === thread);
    this.unread.set(
      who,
      (this.unread.get(who) ?? []).filter((noted) => !isRead(noted)),
    );
  }

  redacted(event: StoredEvent): void {
    for (const [who, noted] of this.unread)
      this.unread.set(
        who,
        noted.filter((one) => one.event.nid !== event.nid),
      );
  }

  counts(who: UserId): Record<string, [number, number]> {
    const counts: Record<string, [number, number]> = {};
    for (const { thread, highlight } of this.unread.get(who) ?? []) {
      const [notifications, highlighted] = counts[thread] ?? [0, 0];
      counts[thread] = [notifications + 1, highlighted + (highlight ? 1 : 0)];
    }
    return counts;
  }
}

forEachDatabase('unread counts against a plain model', ({ test, dialect }) => {
  for (const seed of dialect === 'sqlite' ? [1, 2, 3, 4] : [5]) {
    test(`six people talk, thread, mute, mention, ignore, redact, leave and read (seed ${seed})`, async ({ database }) => {
      const random = createSeededRandom(seed);
      const world = await openPushWorld(database);
      const room = await world.roomOf(people);
      for (const who of people) {
        await world.sends(room, membership(who, 'join', who, { displayname: who.slice(1, who.indexOf(':')) }));
      }
      const model = new Model();
      const said: { event: StoredEvent; thread: EventId | 'main' }[] = [];
      for (let step = 0; step < 250; step++) {
        await doSomething({ world, room, random, model, said });
        // Looked at by some now and then, so that some counts come from memory and some do not.
        if (step % 5 === 0) await compare(world, room, model, [pick(random, people)]);
        if (step % 50 === 49) await compare(world, room, model, people);
      }
      const cold = { ...world, unread: await openUnread({ database, notifier: world.notifier, rooms: world.rooms }) };
      await compare(cold, room, model, people);
    });
  }
});

interface Scene {
  readonly world: PushWorld;
  readonly room: RoomIdentity;
  readonly random: Random;
  readonly model: Model;
  readonly said: { event: StoredEvent; thread: EventId | 'main' }[];
}

async function doSomething({ world, room, random, model, said }: Scene): Promise<void> {
  const present = [...model.joined];
  const who = pick(random, present);
  const dice = random.integer(0, 100);
  if (dice < 55) {
    const [draft, thread] = something(who, random, said);
    const event = await world.sends(room, draft);
    said.push({ event, thread });
    model.sent(event, thread);
  } else if (dice < 75 && said.length > 0) {
    const { event, thread } = pick(random, random.integer(0, 2) === 0 ? said : said.slice(-5));
    const threadId = pick(random, [undefined, thread, 'main' as const]);
    await world.unread.markRead({
      userNid: await world.names.idOf(who),
      roomNid: room.nid,
      threadId,
      upToPosition: event.position ?? 0,
    });
    model.read(who, event, threadId);
  } else if (dice < 83) {
    const change = pick(random, ruleChanges)(room);
    await world.rules.change(await world.names.idOf(who), change);
    model.rules.set(who, await world.rules.of(await world.names.idOf(who)));
  } else if (dice < 88) {
    const ignored = random.integer(0, 2) === 0 ? pick(random, people) : undefined;
    await world.ignore(who, ignored === undefined ? [] : [ignored]);
    if (ignored === undefined) model.ignored.delete(who);
    else model.ignored.set(who, ignored);
  } else if (dice < 93 && said.length > 0) {
    const { event } = pick(random, said);
    // The creator may redact anything.
    const redaction = await world.sends(room, {
      type: 'm.room.redaction',
      sender: user('alice'),
      content: {},
      redacts: event.eventId,
    });
    model.redacted(event);
    model.sent(redaction, 'main');
    said.splice(0, said.length, ...said.filter((one) => one.event.nid !== event.nid));
  } else if (who !== user('alice')) {
    await world.sends(room, membership(who, 'leave'));
    model.joined.delete(who);
    model.unread.set(who, []);
    if (random.integer(0, 2) === 0)
      await world.sends(room, says(user('alice'), 'gone?')).then((event) => model.sent(event, 'main'));
    await world.sends(room, membership(who, 'join', who, { displayname: who.slice(1, who.indexOf(':')) }));
    model.joined.add(who);
  }
}

function something(
  sender: UserId,
  random: Random,
  said: Scene['said'],
): [draft: ReturnType<typeof says>, thread: EventId | 'main'] {
  const roots = said.filter(({ thread }) => thread === 'main').slice(0, 3);
  const inThread = roots.length > 0 && random.integer(0, 3) === 0 ? pick(random, roots).event.eventId : undefined;
  const relation = inThread === undefined ? {} : { 'm.relates_to': { rel_type: 'm.thread', event_id: inThread } };
  const dice = random.integer(0, 10);
  const mentions = dice === 0 ? { user_ids: [pick(random, people)] } : dice === 1 ? { room: true } : undefined;
  const draft = says(sender, pick(random, ['hello', 'there is cake', 'ask carol', 'yes']), {
    ...relation,
    ...(mentions && { 'm.mentions': mentions }),
    ...(dice === 2 && { msgtype: 'm.notice' }),
  });
  return [draft, inThread ?? 'main'];
}

async function compare(world: PushWorld, room: RoomIdentity, model: Model, whose: readonly UserId[]): Promise<void> {
  for (const who of whose) {
    const threads = (await world.unread.of(await world.names.idOf(who), [room.nid])).get(room.nid) ?? new Map();
    const roots = await world.rooms.events.byNids(threads.keys());
    const counts = [...threads].map(([nid, { notifications, highlights }]) => [
      roots.get(nid)?.eventId ?? 'main',
      [notifications, highlights],
    ]);
    assert.deepEqual(Object.fromEntries(counts), model.counts(who), who);
  }
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list.at(random.integer(0, list.length)) as T;
}
