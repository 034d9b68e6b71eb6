/* Tooltips stand in the page's <main>: Bootstrap would put them behind its last landmark, where readers of screens do
   not look. Runs before CKAN makes its tooltips, which it does when the document is ready. */
"use strict";

(() => {
  const content = document.getElementById("content");
  if (content) { bootstrap.Tooltip.Default.container = content; }
})();
