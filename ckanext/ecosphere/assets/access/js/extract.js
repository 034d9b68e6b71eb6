/*
 * Load the page of an extract anew when its file is ready.
 *
 * data-module-url: address that answers {state}
 */
this.ckan.module("ecosphere-extract", function () {
  "use strict";

  const PAUSE = 2000; // milliseconds

  return {
    initialize: function () {
      const look = async () => {
        try {
          const answer = await fetch(this.options.url, { credentials: "same-origin" });
          if (answer.ok && (await answer.json()).state !== "wanted") { window.location.reload(); return; }
        } catch (error) { /* the next look may succeed */ }
        window.setTimeout(look, PAUSE);
      };
      window.setTimeout(look, PAUSE);
    }
  };
});
