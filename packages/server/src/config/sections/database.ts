import {
  anything,
  bool,
  choice,
  group,
  integer,
  mapOf,
  number,
  option,
  section,
  size,
  text,
  endlessDuration,
  duration,
  maybe,
} from '../schema/index.ts';

export const database = section('Database and caches', {
  database: option(
    group({
      name: option(choice('sqlite3', 'psycopg2'), 'The engine: SQLite (one file, nothing to install) or PostgreSQL.', {
        default: 'sqlite3',
      }),
      args: option(
        mapOf(anything),
        'SQLite: "database", the file. PostgreSQL: "user", "password", "database" or "dbname", "host", "port", "sslmode" and the other words of libpq, and "cp_max", the most connections.',
        { default: {} },
      ),
      txn_limit: option(integer({ min: 0 }), 'Transactions after which Synapse renews a connection.', {
        default: 0,
        support: 'ignored',
      }),
      allow_unsafe_locale: option(bool, 'Accept a PostgreSQL database whose collation is not C.', { default: false }),
      durability: option(
        choice('full', 'relaxed'),
        'full: what was acknowledged survives a power cut. relaxed: the last second may be lost in a power cut (not in a crash of the server).',
        { default: 'full', own: true },
      ),
    }),
    'Where the server keeps its data.',
    { default: {} },
  ),
  cache_memory: option(
    maybe(size),
    'The memory of all caches together. Default: caches.cache_autotuning.max_cache_memory_usage, else 128M at a global_factor of 0.5 and in proportion.',
    { default: null, own: true },
  ),
  one_time_key_claims_path: option(
    maybe(text),
    'A small file that tells a restored database by the one-time keys that were given out since it was copied: keep it out of backups. Default: the file of SQLite and ".claims", else <server_name>.claims in the working directory.',
    { default: null, own: true },
  ),
  event_cache_size: option(size, 'Events that Synapse keeps in memory; cache_memory bounds all caches here.', {
    default: '10K',
    support: 'ignored',
  }),
  caches: option(
    group({
      global_factor: option(number({ min: 0 }), 'The size of all caches in proportion: 0.5 stands for 128M of cache_memory.', {
        default: 0.5,
      }),
      per_cache_factors: option(mapOf(number({ min: 0 })), "Factors of Synapse's single caches.", {
        default: {},
        support: 'ignored',
      }),
      expire_caches: option(bool, 'Drop what has not been used for cache_entry_ttl.', { default: true, support: 'ignored' }),
      cache_entry_ttl: option(duration, 'How long what is not used is kept.', { default: '30m', support: 'ignored' }),
      sync_response_cache_duration: option(duration, 'How long the answer to a sync is kept for a client that asks again.', {
        default: '2m',
      }),
      track_memory_usage: option(bool, 'Measure the memory of caches.', { default: false, support: 'ignored' }),
      cache_autotuning: option(
        maybe(
          group({
            max_cache_memory_usage: option(maybe(size), 'The memory of all caches together; cache_memory by another name.', {
              default: null,
            }),
            target_cache_memory_usage: option(maybe(size), 'To how much the caches shrink after that.', {
              default: null,
              support: 'ignored',
            }),
            min_cache_ttl: option(endlessDuration, 'How long an entry is kept at least.', { default: null, support: 'ignored' }),
          }),
        ),
        'The memory of caches.',
        { default: null },
      ),
    }),
    'Caches.',
    { default: {} },
  ),
});
