export { createLogging, silentLogger } from './logging.ts';
export type { Logger, Logging, LogOutput, LogSettings, LogLevel } from './logging.ts';
