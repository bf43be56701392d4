import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const EXTENSIONS = `[req]
distinguished_name=dn
[dn]
[ca_ext]
basicConstraints=critical,CA:TRUE
[leaf]
subjectAltName=DNS:shop.example,DNS:localhost,IP:127.0.0.1
[ca]
default_ca=it
[it]
database=index.txt
serial=serial
new_certs_dir=.
default_md=sha256
policy=any
email_in_dn=no
[any]
commonName=supplied
`;

/**
 * Makes keys and certificates of all kinds in a directory, each as `<name>.pem` and `<name>.key`: `ca` and `other` are
 * roots; `rsa`, `ecdsa`, `expired` and `client` are of the former, `stranger` is of the latter, `self` of nobody.
 */
export function makeCertificates(directory: string): void {
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: directory, stdio: 'pipe' });
  writeFileSync(join(directory, 'x.cnf'), EXTENSIONS);
  writeFileSync(join(directory, 'index.txt'), '');
  writeFileSync(join(directory, 'serial'), '1000');
  writeFileSync(join(directory, 'request.txt'), 'GET / HTTP/1.0\r\n\r\n');
  const request = (name: string, subject: string, ...more: string[]) =>
    run('openssl', 'req', '-config', 'x.cnf', '-nodes', '-keyout', `${name}.key`, '-subj', subject, ...more);
  const rsa = ['-newkey', 'rsa:2048'];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  for (const name of ['ca', 'other']) {
    request(name, `/CN=${name} root`, ...rsa, '-x509', '-days', '7300', '-extensions', 'ca_ext', '-out', `${name}.pem`);
  }
  request('self', '/CN=shop.example', ...ec, '-x509', '-days', '7300', '-extensions', 'leaf', '-out', 'self.pem');
  const leaf = (name: string, ca: string, key: string[], start: string, end: string) => {
    request(name, `/CN=${name}.example`, ...key, '-new', '-out', `${name}.csr`);
    const signer = ['-cert', `${ca}.pem`, '-keyfile', `${ca}.key`, '-extensions', 'leaf'];
    const dates = ['-startdate', start, '-enddate', end];
    run(
      'openssl',
      'ca',
      '-batch',
      '-config',
      'x.cnf',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      '-notext',
      ...signer,
      ...dates,
    );
  };
  leaf('rsa', 'ca', rsa, '20200101000000Z', '20440101000000Z');
  leaf('ecdsa', 'ca', ec, '20200101000000Z', '20440101000000Z');
  leaf('expired', 'ca', rsa, '20200101000000Z', '20210101000000Z');
  leaf('client', 'ca', rsa, '20200101000000Z', '20440101000000Z');
  leaf('stranger', 'other', ec, '20200101000000Z', '20440101000000Z');
}
