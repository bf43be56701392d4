/** The media type of the document: kubectl takes it in protocol buffers only (gnostic's OpenAPIv2.proto). */
export const OPEN_API_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * The OpenAPI document that kubectl asks for before it applies anything. It says for each kind that the server looks
 * at the fields itself (`fieldValidation` of a PATCH), and nothing else; so kubectl leaves the check to the server.
 */
export function openApiDocument(kinds: readonly string[]): Buffer {
  const paths = kinds.map((kind) => {
    const parameter = message([1, message([2, message([3, message([4, 'fieldValidation'])])])]);
    const groupVersionKind = message([2, `group: ""\nkind: ${kind}\nversion: v1\n`]);
    const extension = message([1, 'x-kubernetes-group-version-kind'], [2, groupVersionKind]);
    const patch = message([8, parameter], [13, extension]);
    const path = `/api/v1/namespaces/{namespace}/${kind.toLowerCase()}s/{name}`;
    return message([2, message([1, path], [2, message([8, patch])])]);
  });
  const info = message([1, 'Kubernetes'], [2, 'v1']);
  return message([1, '2.0'], [2, info], [8, Buffer.concat(paths)]);
}

/** A message of length-delimited fields (protobuf.dev/programming-guides/encoding). */
function message(...fields: readonly (readonly [number: number, value: string | Buffer])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return [varint((number << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}
