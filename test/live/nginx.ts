import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';

/**
 * Starts nginx in a pod, with one `server` block for each text in `servers`, and waits until it listens on `ports`. All
 * of them answer with one line.
 */
export async function nginx(
  lab: Lab,
  pod: Pod,
  ports: readonly number[],
  servers: readonly string[],
): Promise<Program> {
  const { directory } = lab;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory};`,
  );
  const blocks = servers.map((text) => `server { ${text} location / { return 200 "X-Pepe: not in a request\\n"; } }`);
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; pid ${directory}/nginx.pid; error_log stderr warn; user root; events {}
http { access_log off; ${temporary.join(' ')}\n${blocks.join('\n')}\n}\n`,
  );
  const program = lab.start(pod.namespace, ['nginx', '-c', file]);
  for (const port of ports) await program.waitForListener(port);
  return program;
}
