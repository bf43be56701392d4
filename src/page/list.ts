import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import { element } from './dom.ts';

const ROW_PIXELS = 30;
/** Rows that are made above and below what is seen. */
const OVERSCAN = 8;

/** One column of a list. */
export interface Column<Item> {
  readonly title: string;
  readonly text: (item: Item) => string;
  readonly className?: (item: Item) => string;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
  /** By what the list can be sorted; absent when it cannot by this column. */
  readonly sortBy?: string;
}

/** What a list shows, and who hears of what is done with it. */
export interface ListOptions<Item> {
  /** What the items are, for those who do not see the page. */
  readonly label: string;
  readonly columns: readonly Column<Item>[];
  readonly keyOf: (item: Item) => string;
  readonly onOpen: (item: Item) => void;
  readonly onSort?: (sortBy: string) => void;
}

/**
 * A list of any length, of which only the rows in sight are in the document. With the keyboard: up, down, page up, page
 * down, home, end, and enter.
 */
export class List<Item> {
  readonly #options: ListOptions<Item>;
  readonly #grid: HTMLElement;
  readonly #rows = element('div', { class: 'rows', role: 'rowgroup' });
  readonly #room = element('div');
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #heads: HTMLElement[];
  #items: readonly Item[] = [];
  /** Key of the row that has or would have the focus. */
  #current = '';

  constructor(grid: HTMLElement, options: ListOptions<Item>) {
    this.#grid = grid;
    this.#options = options;
    this.#heads = options.columns.map((column) => this.#head(column));
    const head = element('div', { class: 'row head', role: 'row' }, ...this.#heads);
    this.#rows.append(this.#room);
    grid.setAttribute('role', 'grid');
    grid.setAttribute('aria-label', options.label);
    grid.append(head, this.#rows);
    this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>(this.#settings());
    this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
    this.#rows.addEventListener('keydown', (event) => this.#onKey(event));
    this.#rows.addEventListener('click', (event) => this.#openRow(event.target));
  }

  /** Shows other items. */
  show(items: readonly Item[]): void {
    this.#items = items;
    this.#grid.setAttribute('aria-rowcount', String(items.length));
    this.#virtualizer.setOptions(this.#settings());
    this.#virtualizer._willUpdate();
    this.#virtualizer.measure();
    this.#draw();
  }

  /** Marks the column by which the items are sorted. */
  markSorted(sortBy: string, descending: boolean): void {
    for (const [i, column] of this.#options.columns.entries()) {
      const order = column.sortBy === sortBy ? (descending ? 'descending' : 'ascending') : 'none';
      this.#heads[i]?.setAttribute('aria-sort', order);
    }
  }

  #settings() {
    return {
      count: this.#items.length,
      getScrollElement: () => this.#rows,
      estimateSize: () => ROW_PIXELS,
      overscan: OVERSCAN,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.#draw(),
    };
  }

  #head({ title, sortBy, isNumber }: Column<Item>): HTMLElement {
    const { onSort } = this.#options;
    const kind = { role: 'columnheader', class: isNumber ? 'number' : '' };
    if (sortBy === undefined || onSort === undefined) return element('span', kind, title);
    const button = element('button', { type: 'button' }, title);
    button.addEventListener('click', () => onSort(sortBy));
    return element('span', { ...kind, 'aria-sort': 'none' }, button);
  }

  #draw(): void {
    const hadFocus = this.#rows.contains(document.activeElement);
    const visible = this.#virtualizer.getVirtualItems();
    this.#room.style.height = `${this.#virtualizer.getTotalSize()}px`;
    const rows = visible.map(({ index, start }) => this.#row(index, start));
    this.#room.replaceChildren(...rows);
    const current = rows.find(({ dataset }) => dataset['key'] === this.#current) ?? rows[0];
    if (current === undefined) return;
    current.tabIndex = 0;
    if (hadFocus) current.focus({ preventScroll: true });
  }

  #row(index: number, top: number): HTMLElement {
    const item = this.#items[index];
    const row = element('div', { class: 'row', role: 'row', tabindex: '-1', 'aria-rowindex': String(index + 1) });
    row.style.transform = `translateY(${top}px)`;
    if (item === undefined) return row;
    row.dataset['key'] = this.#options.keyOf(item);
    for (const { text, className, isNumber } of this.#options.columns) {
      const kind = isNumber ? 'number' : (className?.(item) ?? '');
      row.append(element('span', { role: 'gridcell', class: kind, title: text(item) }, text(item)));
    }
    return row;
  }

  #onKey(event: KeyboardEvent): void {
    const at = this.#items.findIndex((item) => this.#options.keyOf(item) === this.#focusedKey(event.target));
    const page = Math.max(1, Math.floor(this.#rows.clientHeight / ROW_PIXELS) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#items.length - 1,
    };
    const target = steps[event.key];
    if (target !== undefined) {
      event.preventDefault();
      this.#moveTo(Math.min(Math.max(target, 0), this.#items.length - 1));
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.#openRow(event.target);
    }
  }

  #moveTo(index: number): void {
    const item = this.#items[index];
    if (item === undefined) return;
    this.#current = this.#options.keyOf(item);
    const top = index * ROW_PIXELS;
    const { scrollTop, clientHeight } = this.#rows;
    if (top < scrollTop) this.#rows.scrollTop = top;
    else if (top + ROW_PIXELS > scrollTop + clientHeight) this.#rows.scrollTop = top + ROW_PIXELS - clientHeight;
    this.#rows.dispatchEvent(new Event('scroll')); // so that the row is there to have the focus
    this.#draw();
    const row = [...this.#room.children].find((child) => (child as HTMLElement).dataset['key'] === this.#current);
    (row as HTMLElement | undefined)?.focus({ preventScroll: true });
  }

  #openRow(target: EventTarget | null): void {
    const key = this.#focusedKey(target);
    const item = this.#items.find((candidate) => this.#options.keyOf(candidate) === key);
    if (item === undefined) return;
    this.#current = key;
    this.#options.onOpen(item);
  }

  #focusedKey(target: EventTarget | null): string {
    return (target as HTMLElement).closest<HTMLElement>('.rows .row')?.dataset['key'] ?? '';
  }
}
