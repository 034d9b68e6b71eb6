/* Table of a sample: sortable, filterable, paged. All cells are written as text, never as HTML. */
this.ckan.ecosphereTable = function (place, sample, labels) {
  "use strict";

  const PAGE = 50;
  const numeric = { integer: true, number: true };
  const state = { sort: -1, down: false, filter: "", page: 0 };
  const language = document.documentElement.lang || "en";
  const collator = new Intl.Collator("fr", { numeric: true, sensitivity: "base" });
  const written = (number) => number.toLocaleString(language);

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) { made.className = className; }
    if (text !== undefined) { made.textContent = text; }
    return made;
  }

  function valueOf(cell, type) {
    if (cell === "" || cell === null) { return null; }
    if (!numeric[type]) { return cell; }
    return parseFloat(String(cell).replace(/[\s\u00a0\u202f]/g, "").replace(",", "."));
  }

  function inWords(meaning) {
    return meaning ? meaning[language] || meaning.en : "";
  }

  /* Meaning of a cell that holds a code of a standard, else "". That of a subtype depends on its type, in column `of`. */
  function codeOf(cells, place_) {
    const column = sample.columns[place_], cell = cells[place_];
    let codes = column.codes;
    if (codes && column.of !== undefined) {
      codes = Object.hasOwn(codes, cells[column.of]) ? codes[cells[column.of]] : null;
    }
    return codes && Object.hasOwn(codes, cell) ? inWords(codes[cell]) : "";
  }

  function cellOf(cell, place_, cells) {
    const td = element("td", "", cell), code = codeOf(cells, place_);
    if (code) { td.append(" ", element("small", "eco-preview__code", code)); }
    return td;
  }

  function visible() {
    const words = state.filter.toLowerCase();
    const rows = sample.rows.map((cells, number) => ({ cells, number }))
      .filter((row) => !words || row.cells.some((cell, place_) =>
        (cell + " " + codeOf(row.cells, place_)).toLowerCase().includes(words)));
    if (state.sort >= 0) {
      const type = sample.columns[state.sort].type;
      rows.sort((one, other) => {
        const a = valueOf(one.cells[state.sort], type), b = valueOf(other.cells[state.sort], type);
        if (a === null || b === null) { return (a === null) - (b === null); }
        const order = numeric[type] ? a - b : collator.compare(a, b);
        return state.down ? -order : order;
      });
    }
    return rows;
  }

  const tools = element("div", "eco-preview__tools");
  const label = element("label", "", labels.filter + " ");
  const filter = element("input", "form-control");
  filter.type = "search";
  label.append(filter);
  const count = element("span");
  count.setAttribute("role", "status");
  const previous = element("button", "btn btn-secondary btn-sm", labels.previous);
  const next = element("button", "btn btn-secondary btn-sm", labels.next);
  previous.type = next.type = "button";
  tools.append(label, count, previous, next);

  const scroll = element("div", "eco-preview__scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", labels.table);
  const table = element("table", "table table-sm");
  const head = element("tr");
  const body = element("tbody");
  sample.columns.forEach((column, place_) => {
    const th = element("th");
    th.scope = "col";
    const button = element("button", "", column.name);
    button.type = "button";
    button.title = labels.sort.replace("{column}", column.name);
    button.addEventListener("click", () => {
      state.down = state.sort === place_ && !state.down;
      state.sort = place_;
      state.page = 0;
      draw();
    });
    th.append(button);
    if (!sample.attributes) {
      const type = column.type === "empty" ? labels.empty_type : labels[column.type];
      th.append(element("small", "", type + (column.empty && column.type !== "empty" ? ", " + labels.empty.replace("{number}", written(column.empty)) : "")));
    }
    const meaning = inWords(column.meaning);
    if (meaning) { th.append(element("small", "eco-preview__meaning", meaning)); }
    head.append(th);
  });
  const thead = element("thead");
  thead.append(head);
  table.append(thead, body);
  scroll.append(table);
  place.append(tools, scroll);

  function draw(marked) {
    const rows = visible();
    const begin = state.page * PAGE;
    body.replaceChildren(...rows.slice(begin, begin + PAGE).map((row) => {
      const tr = element("tr");
      if (row.number === marked) { tr.setAttribute("aria-current", "true"); }
      tr.append(...row.cells.map(cellOf));
      return tr;
    }));
    head.querySelectorAll("th").forEach((th, number) => {
      th.setAttribute("aria-sort", number === state.sort ? (state.down ? "descending" : "ascending") : "none");
    });
    const total = Math.max(sample.known_total || sample.total || 0, sample.counted || 0, sample.rows.length);
    const several = !state.filter && rows.length > PAGE;
    const shown = several ? written(begin + 1) + "–" + written(Math.min(begin + PAGE, rows.length)) : written(rows.length);
    const told = sample.part && !sample.known_total ? labels.rows_more : labels.rows;
    count.textContent = state.filter && !rows.length ? labels.no_rows : told.replace("{shown}", shown).replace("{total}", written(total));
    previous.hidden = next.hidden = rows.length <= PAGE;
    previous.disabled = state.page === 0;
    next.disabled = begin + PAGE >= rows.length;
  }

  filter.addEventListener("input", () => { state.filter = filter.value.trim(); state.page = 0; draw(); });
  previous.addEventListener("click", () => { state.page -= 1; draw(); });
  next.addEventListener("click", () => { state.page += 1; draw(); });
  draw();

  return {
    mark: function (number) {
      state.sort = -1; state.filter = filter.value = ""; state.page = Math.floor(number / PAGE);
      draw(number);
      const row = body.querySelector("[aria-current]");
      if (row) { scroll.scrollTop = row.offsetTop - 60; }
    }
  };
};
