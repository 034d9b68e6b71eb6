/* Append tooltips to <main>: Bootstrap would append them to <body>, after the last landmark, where screen readers miss
   them. Runs before CKAN creates its tooltips, when the document is ready. */
"use strict";

(() => {
  const content = document.getElementById("content");
  if (content) { bootstrap.Tooltip.Default.container = content; }
})();
