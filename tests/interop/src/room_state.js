/** What holds in a room after a set of statements (PROTOCOL 14.4). */

import { hex } from "./bytes.js";
import { ROOM_CHANNELS_MAX, ROOM_MEMBERS_MAX, ROOM_OFFICERS_MAX } from "./limits.js";
import {
  ADMIT, APPOINT, BAN, councilAuthor, DELETE_POSTS, GENESIS, LEAVE, memberAuthor, REMOVE, SET_CHANNEL, SET_NAME, SET_PIN,
  SET_POLICY, keysTold,
} from "./room_events.js";

const INVITE = 1;
const NEEDS = {
  [GENESIS]: 0, [ADMIT]: INVITE, [APPOINT]: 32, [REMOVE]: 2, [BAN]: 2, [SET_NAME]: 128, [SET_POLICY]: 128, [SET_CHANNEL]: 16,
  [SET_PIN]: 8, [DELETE_POSTS]: 4, [LEAVE]: 0,
};
const ALL = 255;

const byRank = (one, other) => {
  if (one.length !== other.length) return one.length - other.length;
  const at = one.findIndex((step, place) => step !== other[place]);
  return at < 0 ? 0 : one[at] - other[at];
};

const isSmaller = (one, other) => (one.number === other.number ? one.id < other.id : one.number < other.number);

const subjectOf = ({ kind, body }) =>
  ({
    [REMOVE]: () => `remove ${hex(body.author)}`,
    [ADMIT]: () => `admit ${hex(memberAuthor(body.keys))}`,
    [APPOINT]: () => `appoint ${whom(body)}`,
    [BAN]: () => `ban ${hex(body.fingerprint)}`,
    [SET_NAME]: () => "name",
    [SET_POLICY]: () => "policy",
    [SET_CHANNEL]: () => `channel ${body.channel}`,
    [SET_PIN]: () => `pin ${hex(body.postId)}`,
  })[kind]?.();

const whom = ({ keys, council }) => hex(keys ? memberAuthor(keys) : councilAuthor(council));

/** The statements of one room, verified, in any order. */
export function materialize(statements) {
  const unique = [...new Map(statements.map((one) => [one.id, one])).values()];
  const genesis = unique.find(({ kind }) => kind === GENESIS);
  if (!genesis) return null;
  const of = (author) => unique.filter((one) => one.author === author);
  const left = new Map();
  for (const one of unique.filter(({ kind }) => kind === LEAVE)) {
    if (!left.has(one.author) || isSmaller(one, left.get(one.author))) left.set(one.author, one);
  }

  const offices = new Map([
    [genesis.author, { rank: [], by: genesis.author, capabilities: ALL, since: 0, keep: [], keeper: 0, council: null }],
  ]);
  const processed = [];
  const looked = new Set();
  const removed = new Map();
  const values = new Map();
  const deleted = new Map();
  const admits = new Map();
  const counting = new Set();

  /** Steps 0 to 2: `{ statement, most }` by number. */
  function countingOf(author, office) {
    const removal = removed.get(author);
    const keep = new Map((removal ? removal.statement.body.keep : office.keep).map((one) => [hex(one.id), one.capabilities]));
    const either = office.capabilities | (removal ? removal.capabilities : office.keeper);
    const leftAt = left.get(author)?.number ?? Infinity;
    const found = [];
    const mine = of(author);
    for (const number of [...new Set(mine.map((one) => one.number))].sort((a, b) => a - b)) {
      const same = mine.filter((one) => one.number === number).sort((a, b) => (a.id < b.id ? -1 : 1));
      const statement = same.find((one) => keep.has(one.id)) ?? same[0];
      const needs = NEEDS[statement.kind];
      const has = (capabilities) => (capabilities & needs) === needs;
      if (keep.has(statement.id) && has(either)) found.push({ statement, most: either & keep.get(statement.id) });
      else if (!removal && number >= office.since && number < leftAt && has(office.capabilities)) {
        found.push({ statement, most: office.capabilities });
      }
    }
    return found;
  }

  while (processed.length < ROOM_OFFICERS_MAX) {
    const waiting = [...offices].filter(([author]) => !looked.has(author));
    if (waiting.length === 0) break;
    const [author, office] = waiting.reduce((first, one) => (byRank(one[1].rank, first[1].rank) < 0 ? one : first));
    looked.add(author);
    if (removed.has(author) && removed.get(author).statement.body.keep.length === 0) continue;
    processed.push(author);
    const counted = countingOf(author, office);
    counted.forEach(({ statement }) => counting.add(statement.id));

    const holds = new Map();
    const first = new Map();
    for (const one of counted) {
      const subject = subjectOf(one.statement);
      if (!subject) continue;
      if (!first.has(subject)) first.set(subject, one.statement.number);
      holds.delete(subject);
      holds.set(subject, one);
    }
    const here = (kind) => [...holds].filter(([, { statement }]) => statement.kind === kind);
    const inFirstOrder = (kind) => here(kind).sort((a, b) => first.get(a[0]) - first.get(b[0]));

    for (const [, { statement }] of here(REMOVE)) {
      const gone = hex(statement.body.author);
      if (!processed.includes(gone) && !removed.has(gone)) {
        removed.set(gone, { by: author, statement, capabilities: office.capabilities });
      }
    }
    for (const kind of [BAN, SET_NAME, SET_POLICY, SET_CHANNEL, SET_PIN]) {
      for (const [subject, { statement }] of here(kind)) if (!values.has(subject)) values.set(subject, statement);
    }
    const own = new Map();
    for (const { statement } of counted.filter((one) => one.statement.kind === DELETE_POSTS)) {
      for (const post of statement.body.postIds) own.set(hex(post), statement.body.on);
    }
    for (const [post, on] of own) if (!deleted.has(post)) deleted.set(post, on);
    for (const [, { statement }] of inFirstOrder(ADMIT)) {
      const who = hex(memberAuthor(statement.body.keys));
      const isBanned = values.get(`ban ${hex(statement.body.token.fingerprint)}`)?.body.on ?? false;
      if (!isBanned && !admits.has(who)) admits.set(who, { by: author, body: statement.body });
    }
    for (const [subject, { statement, most }] of inFirstOrder(APPOINT)) {
      const who = whom(statement.body);
      if (offices.has(who)) continue;
      const { capabilities, since, keep, council } = statement.body;
      offices.set(who, {
        rank: [...office.rank, first.get(subject)], by: author, capabilities: capabilities & most, since, keep,
        keeper: office.capabilities, council,
      });
    }
  }

  // --- what members see of it
  const ranked = [...offices].sort((a, b) => byRank(a[1].rank, b[1].rank));
  const isGone = (author) => removed.has(author) || left.has(author);
  const everybody = [...ranked.map(([author]) => author), ...[...admits.keys()].filter((one) => !offices.has(one))];
  const isIn = (author) => author === genesis.author || admits.has(author);
  const members = everybody.filter((author) => isIn(author) && !isGone(author)).slice(0, ROOM_MEMBERS_MAX).map((author) => {
    const office = offices.get(author);
    const isOfficer = processed.includes(author);
    const shown = { author, rank: isOfficer ? office.rank : null, capabilities: isOfficer ? office.capabilities : 0 };
    if (author === genesis.author) {
      return { ...shown, fingerprint: hex(genesis.body.token.fingerprint), name: genesis.body.memberName, from: "0", by: author };
    }
    const admit = admits.get(author);
    const { token, name, fromOrder } = admit.body;
    return { ...shown, fingerprint: hex(token.fingerprint), name, from: String(fromOrder), by: admit.by };
  });

  const channels = new Map([["general", { topic: "", restricted: false }]]);
  for (const { kind, body } of values.values()) {
    if (kind !== SET_CHANNEL || !(body.on || body.channel === "general")) continue;
    if (channels.has(body.channel) || channels.size < ROOM_CHANNELS_MAX) {
      channels.set(body.channel, { topic: body.topic, restricted: body.restricted });
    }
  }

  const said = new Set(unique.filter(({ id }) => counting.has(id)).map((one) => one.said));
  const offered = ranked.filter(([author]) => removed.has(author)).flatMap(([author]) => {
    const { seen } = removed.get(author).statement.body;
    const mine = of(author).sort((a, b) => (isSmaller(a, b) ? -1 : 1));
    return mine
      .filter((one) => mine.filter((other) => other.number === one.number).indexOf(one) < 2)
      .filter((one) => one.number >= seen && !counting.has(one.id) && one.kind !== LEAVE && !said.has(one.said))
      .map(({ id }) => id);
  });

  const policy = values.get("policy")?.body ?? genesis.body;
  return {
    name: values.get("name")?.body.name ?? genesis.body.name,
    policy: [policy.history, policy.retentionS],
    channels: [...channels].map(([name, { topic, restricted }]) => [name, topic, restricted]),
    members,
    officers: ranked
      .filter(([author]) => looked.has(author))
      .map(([author, { rank, capabilities, by, since }]) => [author, rank, capabilities, by, since, !isOut(author)]),
    councils: ranked.filter(([author, { council }]) => looked.has(author) && council).map(([, { council }]) => council),
    removed: Object.fromEntries([...removed].map(([author, { by, statement }]) => [author, [by, statement.id, statement.body.posts]])),
    left: Object.fromEntries([...left].map(([author, { body }]) => [author, body.posts])),
    banned: Object.fromEntries(
      [...values.values()].filter(({ kind, body }) => kind === BAN && body.on).map(({ id, body }) => [hex(body.fingerprint), id]),
    ),
    pins: [...values.values()].filter(({ kind, body }) => kind === SET_PIN && body.on).map(({ body }) => hex(body.postId)),
    deleted: [...deleted].filter(([, on]) => on).map(([post]) => post).sort(),
    counting: [...counting].sort(),
    offered,
  };

  function isOut(author) {
    return removed.has(author) || left.has(author);
  }
}

/** Whether a post of this author is kept and passed on. */
export function takesPost(state, author, number) {
  const ends = [state.removed[author]?.[2], state.left[author]].filter((one) => one !== undefined);
  return ends.length > 0 ? number < Math.min(...ends) : state.members.some((one) => one.author === author);
}

/** What tells the keys of councils' authors, and the keys of who tells them. */
function witnessesOf(statements, councils) {
  const told = new Map();
  for (const one of [...statements].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const author = keysTold(one)?.[0];
    if (author && !told.has(author)) told.set(author, one);
  }
  const found = new Set();
  const wanted = councils.flatMap(({ authors }) => authors.map(hex));
  while (wanted.length > 0) {
    const witness = told.get(wanted.pop());
    if (!witness || found.has(witness.id)) continue;
    found.add(witness.id);
    wanted.push(witness.author);
  }
  return found;
}

/** The ids of the statements that are kept; the others may be forgotten, and asked for later. */
export function kept(given, state) {
  const statements = [...new Map(given.map((one) => [one.id, one])).values()];
  const officers = new Set(state.officers.map(([author]) => author));
  const named = new Set(
    statements
      .filter(({ author, kind }) => officers.has(author) && (kind === REMOVE || kind === APPOINT))
      .flatMap(({ body }) => body.keep.map(({ id }) => hex(id))),
  );
  const leaves = new Map();
  for (const one of statements.filter(({ kind }) => kind === LEAVE)) {
    if (!leaves.has(one.author) || isSmaller(one, leaves.get(one.author))) leaves.set(one.author, one);
  }
  const witnesses = witnessesOf(statements, state.councils);
  const isOfTwo = (one) =>
    statements.filter(({ author, number, id }) => author === one.author && number === one.number && id < one.id).length < 2;
  return new Set(
    statements
      .filter((one) => named.has(one.id) || witnesses.has(one.id) || (officers.has(one.author) && isOfTwo(one)) || leaves.get(one.author) === one)
      .map(({ id }) => id),
  );
}
