import { type Config, parseConfig } from '../../lib/config.ts';

/** The defaults of a service that reaches nothing but what is given. */
export const makeTestConfig = (variables: Readonly<Record<string, string>> = {}): Config =>
  parseConfig({
    RTMANAGER_POSTGRES_PRIMARY_DSN: 'postgres://127.0.0.1:1/none',
    RTMANAGER_REDIS_MASTER_ADDR: '127.0.0.1:1',
    RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
    RTMANAGER_GAME_STATE_ROOT: '/srv/games',
    ...variables,
  });
