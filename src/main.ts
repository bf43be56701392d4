#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Command, ExitStatus, type OptionTypes, UsageError } from './commands/outcome.ts';
import { replayCommand } from './commands/replay.ts';
import { reportCommand } from './commands/report.ts';
import { runAgent } from './commands/run-agent.ts';
import { endWithReader } from './commands/standard-output.ts';
import { ensureSupportedNode } from './commands/supported-node.ts';
import { tokenCommand } from './commands/token.ts';
import { watchCommand } from './commands/watch.ts';

const USAGE = `Watches the network of a Kubernetes pod and says what is wrong with its TCP connections.

  dlltagent                                  run; settings come from the env files in DLLT_CONFIG_DIR
  dlltagent report [DIR…] [--since 10m] [--json]
                                             what is wrong, in plain words, out of the files the agent wrote
  dlltagent watch [DIR…] [--code CODE,…] [--peer ADDRESS[:PORT]] [--pod [NAMESPACE/]NAME]
                                             the events as they come
  dlltagent replay FILE [--out DIR] [--env FILE]
                                             look into a capture file (pcap, pcapng, gzip; - for standard input);
                                             without --out, events go to standard output
  dlltagent token                            what the live page of the agent that runs here asks for (UI=Y)
  dlltagent --version
  dlltagent --help

Environment: DLLT_CONFIG_DIR (default /etc/dllt), LOG_DIR (/dllt/logs), HEALTH_PORT (0: off), UI (N), UI_TOKEN,
MEMORY_MB (nine tenths of the container's limit; 512 without one).
Exit status: 0, 1 for a failure in the run, 2 for a wrong call.
`;

/** By the word that stands on the command line; the agent itself has none. */
const COMMANDS: ReadonlyMap<string | undefined, Command> = new Map<string | undefined, Command>([
  [undefined, runAgent],
  ['replay', replayCommand],
  ['report', reportCommand],
  ['watch', watchCommand],
  ['token', tokenCommand],
]);

async function main(argv: readonly string[]): Promise<ExitStatus> {
  try {
    const { values, positionals } = parseCall(argv);
    const { help, version: isVersionAsked, ...options } = values;
    if (help) return print(USAGE);
    if (isVersionAsked) return print(`${version()}\n`);
    const [name, ...operands] = positionals;
    const command = COMMANDS.get(name);
    if (command === undefined) throw new UsageError(`there is no command ${name}`);
    for (const option of Object.keys(options)) {
      if (!(option in command.options)) throw new UsageError(strayOption(option));
    }
    return await command.run({ operands, options });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`dlltagent: ${error.message}\n\n${USAGE}`);
    return ExitStatus.wrongCall;
  }
}

/** The options of all commands, and the words besides; what cannot be an option of any is a wrong call. */
function parseCall(argv: readonly string[]) {
  try {
    const ofCommands: OptionTypes = Object.assign({}, ...[...COMMANDS.values()].map(({ options }) => options));
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { ...ofCommands, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
    });
    return { values: values as Readonly<Record<string, string | boolean | undefined>>, positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function strayOption(option: string): string {
  const owner = [...COMMANDS].find(([, { options }]) => option in options)?.[0];
  return `--${option} goes with ${owner}`;
}

function print(text: string): ExitStatus {
  endWithReader();
  process.stdout.write(text);
  return ExitStatus.ok;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return version;
}

process.umask(0o027); // files 0640, directories 0750
try {
  ensureSupportedNode();
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = ExitStatus.failure;
}
