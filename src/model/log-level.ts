/** What is logged: the level named and those before it. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
