/** Name of the directory with the files of the session that monitors an interface, by its index on the node. */
export function sessionDirectoryName(interfaceIndex: number): string {
  return `dllt${interfaceIndex}`;
}
