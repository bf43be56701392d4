import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
  Virtualizer,
} from '@tanstack/virtual-core';
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

/** A row that is in the document, and what it shows. */
interface DrawnRow<Item> {
  readonly row: HTMLElement;
  readonly item: Item;
}

/**
 * A list of any length, of which only the rows in sight are in the document, and the current one, wherever it is. A row
 * stays the same element while its item is shown, so that neither a click in the making nor the focus is lost to what
 * comes in the meantime. With the keyboard: up, down, page up, page down, home, end, and enter.
 */
export class List<Item> {
  readonly #options: ListOptions<Item>;
  readonly #grid: HTMLElement;
  readonly #rows = element('div', { class: 'rows', role: 'rowgroup' });
  readonly #room = element('div');
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #heads: HTMLElement[];
  #items: readonly Item[] = [];
  /** Rows in the document by the key of their item. */
  #drawn = new Map<string, DrawnRow<Item>>();
  /** Key of the row that has, had or would have the focus, and its place; -1 when it is not shown. */
  #current = '';
  #currentIndex = -1;

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
    this.#rows.addEventListener('focusin', (event) => this.#setCurrent(this.#focusedKey(event.target)));
    this.#rows.addEventListener('keydown', (event) => this.#onKey(event));
    this.#rows.addEventListener('click', (event) => this.#openRow(event.target));
  }

  /** Shows other items. */
  show(items: readonly Item[]): void {
    this.#items = items;
    this.#setCurrent(this.#current);
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
      rangeExtractor: (range: Range) => this.#range(range),
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

  #setCurrent(key: string): void {
    this.#current = key;
    this.#currentIndex = this.#items.findIndex((item) => this.#options.keyOf(item) === key);
  }

  #range(range: Range): number[] {
    const inSight = defaultRangeExtractor(range);
    if (this.#currentIndex < 0 || inSight.includes(this.#currentIndex)) return inSight;
    return [...inSight, this.#currentIndex].sort((a, b) => a - b);
  }

  #draw(): void {
    const hadFocus = this.#rows.contains(document.activeElement);
    this.#room.style.height = `${this.#virtualizer.getTotalSize()}px`;
    const drawn = new Map<string, DrawnRow<Item>>();
    for (const { index, start } of this.#virtualizer.getVirtualItems()) {
      const item = this.#items[index];
      if (item !== undefined) drawn.set(this.#options.keyOf(item), this.#drawnRow(item, index, start));
    }
    for (const [key, { row }] of this.#drawn) if (!drawn.has(key)) row.remove();
    this.#drawn = drawn;
    const rows = [...drawn.values()].map(({ row }) => row);
    this.#putInOrder(rows);
    const current = drawn.get(this.#current)?.row ?? rows[0];
    for (const row of rows) row.tabIndex = row === current ? 0 : -1;
    if (hadFocus && !this.#rows.contains(document.activeElement)) current?.focus({ preventScroll: true });
  }

  /** Rows that stand where they belong are not touched: one that is moved loses the focus. */
  #putInOrder(rows: readonly HTMLElement[]): void {
    let next = this.#room.firstElementChild;
    for (const row of rows) {
      if (row === next) next = next.nextElementSibling;
      else this.#room.insertBefore(row, next);
    }
  }

  #drawnRow(item: Item, index: number, top: number): DrawnRow<Item> {
    const key = this.#options.keyOf(item);
    const before = this.#drawn.get(key);
    const row = before?.row ?? this.#newRow(key);
    row.setAttribute('aria-rowindex', String(index + 1));
    row.style.transform = `translateY(${top}px)`;
    if (before?.item !== item) this.#fill(row, item);
    return { row, item };
  }

  #newRow(key: string): HTMLElement {
    const cells = this.#options.columns.map(() => element('span', { role: 'gridcell' }));
    const row = element('div', { class: 'row', role: 'row' }, ...cells);
    row.dataset['key'] = key;
    return row;
  }

  #fill(row: HTMLElement, item: Item): void {
    for (const [i, { text, className, isNumber }] of this.#options.columns.entries()) {
      const cell = row.children[i] as HTMLElement;
      cell.className = isNumber ? 'number' : (className?.(item) ?? '');
      cell.textContent = cell.title = text(item);
    }
  }

  #onKey(event: KeyboardEvent): void {
    const at = this.#currentIndex;
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
    this.#setCurrent(this.#options.keyOf(item));
    const top = index * ROW_PIXELS;
    const { scrollTop, clientHeight } = this.#rows;
    if (top < scrollTop) this.#rows.scrollTop = top;
    else if (top + ROW_PIXELS > scrollTop + clientHeight) this.#rows.scrollTop = top + ROW_PIXELS - clientHeight;
    this.#rows.dispatchEvent(new Event('scroll')); // so that the row is there to have the focus
    this.#draw();
    this.#drawn.get(this.#current)?.row.focus({ preventScroll: true });
  }

  #openRow(target: EventTarget | null): void {
    const key = this.#focusedKey(target);
    const item = this.#items.find((candidate) => this.#options.keyOf(candidate) === key);
    if (item === undefined) return;
    this.#options.onOpen(item);
  }

  #focusedKey(target: EventTarget | null): string {
    return (target as HTMLElement).closest<HTMLElement>('.rows .row')?.dataset['key'] ?? '';
  }
}
