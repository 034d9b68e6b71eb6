/* Copy a URL or code to the clipboard. Without a script it is copied by hand from the field or text beside the button. */
"use strict";

ckan.module("ecosphere-copy", function () {
  return {
    initialize: function () {
      const field = this.el[0].querySelector("input, code");
      const button = this.el[0].querySelector("button");
      const state = this.el[0].querySelector("[role=status]");
      const tell = (done) => { state.textContent = done ? this.options.done : this.options.failed; };
      button.hidden = false;
      button.addEventListener("click", () => {
        if (field.select) { field.select(); } else { window.getSelection().selectAllChildren(field); }
        if (navigator.clipboard) {
          navigator.clipboard.writeText(field.select ? field.value : field.textContent).then(() => tell(true), () => tell(false));
        } else {
          tell(document.execCommand("copy"));
        }
      });
    }
  };
});
