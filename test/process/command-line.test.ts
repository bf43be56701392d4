import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_COMMAND_LINE_BYTES, showCommandLine } from '../../src/process/command-line.ts';

const CASES: readonly { readonly args: readonly string[]; readonly want: string }[] = [
  { args: [], want: '' },
  { args: ['nginx: worker process'], want: 'nginx: worker process' },
  { args: ['curl', '-sS', 'http://shop:8080/a?b=c'], want: 'curl -sS http://shop:8080/a?b=c' },
  { args: ['app', '--password', 'hunter2', '--port', '80'], want: 'app --password *** --port 80' },
  { args: ['app', '--password', '--port', '80'], want: 'app --password --port 80' },
  { args: ['app', '--db-password=a;b c'], want: 'app --db-password=***' },
  { args: ['app', '-token=x', '--api_key=y', '--apiKey', 'z'], want: 'app -token=*** --api_key=*** --apiKey ***' },
  { args: ['java', '-Djavax.net.ssl.keyStorePassword=changeit'], want: 'java -Djavax.net.ssl.keyStorePassword=***' },
  { args: ['env', 'AWS_SECRET_ACCESS_KEY=abc', 'HOME=/root'], want: 'env AWS_SECRET_ACCESS_KEY=*** HOME=/root' },
  { args: ['env', 'DBPASSWORD=a', 'MYSQL_PWD=b', 'PASS=c'], want: 'env DBPASSWORD=*** MYSQL_PWD=*** PASS=***' },
  { args: ['psql', 'postgres://bob:hunter2@db/shop'], want: 'psql postgres://bob:***@db/shop' },
  { args: ['git', 'clone', 'https://ghp_abc@host/x.git'], want: 'git clone https://***@host/x.git' },
  { args: ['curl', 'https://h/a?user=1&access_token=abc&x=2'], want: 'curl https://h/a?user=1&access_token=***&x=2' },
  { args: ['curl', '-H', 'Authorization: Bearer abc'], want: 'curl -H Authorization: ***' },
  { args: ['curl', '-H', 'X-Api-Key: abc', '-u', 'bob:pw'], want: 'curl -H X-Api-Key: *** -u bob:***' },
  { args: ['curl', '-d', '{"user":"bob","password":"x y"}'], want: 'curl -d {"user":"bob","password":"***"}' },
  { args: ['app', 'Server=db;Password=abc;Timeout=3'], want: 'app Server=db;Password=***;Timeout=3' },
  { args: ['sh', '-c', 'mysql --password abc -h db'], want: 'sh -c mysql --password *** -h db' },
  { args: ['cassandra', '--keyspace', 'shop', '--monkey=1'], want: 'cassandra --keyspace shop --monkey=1' },
];

for (const { args, want } of CASES) {
  test(`${args.join(' ')}`, () => {
    assert.is(showCommandLine(args.map((argument) => `${argument}\0`).join('')), want);
  });
}

test('what is too long is cut, not in the middle of a character', () => {
  const shown = showCommandLine(`app\0${'ñ'.repeat(400)}`);
  assert.is(Buffer.byteLength(shown), MAX_COMMAND_LINE_BYTES);
  assert.match(shown, /^app ñ+$/);
  assert.is(Buffer.byteLength(showCommandLine(`ap\0${'ñ'.repeat(400)}`)), MAX_COMMAND_LINE_BYTES - 1);
});

test('long arguments of any kind are done with quickly', () => {
  for (const piece of ['a', '=', 'a=', 'a:', '://', 'a://b', '-', ' ', '"', 'a=b;']) {
    const begin = performance.now();
    showCommandLine(piece.repeat(2_048 / piece.length));
    assert.ok(performance.now() - begin < 1_000, piece);
  }
});

test.run();
