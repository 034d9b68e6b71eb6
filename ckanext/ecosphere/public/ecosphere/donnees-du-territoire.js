/* Composant prêt à l'emploi : les données publiques d'un territoire, dans une page d'un autre site.
 *
 *   <script src="https://PORTAIL/ecosphere/donnees-du-territoire.js" defer></script>
 *   <donnees-du-territoire code="01053"></donnees-du-territoire>
 *
 * Attributs : code (INSEE, SIREN, R84), theme, nombre (de 1 à 100), titre (texte), niveau (de 1 à 5), portail (adresse,
 * par défaut celle d'où vient ce fichier). Sans bibliothèque, sans cookie ; tout texte reçu est écrit comme texte.
 * docs/territoires.md explique le reste.
 */
(function () {
  "use strict";
  const ORIGIN = new URL(document.currentScript.src).origin;
  const WEB = /^https?:$/;

  function element(name, text, parent) {
    const node = document.createElement(name);
    if (text) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  }

  /* A link to a page of the web; anything else stays a text. */
  function link(text, address, parent) {
    const url = new URL(address, ORIGIN);
    if (!WEB.test(url.protocol)) return element("span", text, parent);
    const anchor = element("a", text, parent);
    anchor.href = url.href;
    return anchor;
  }

  class TerritoryData extends HTMLElement {
    static get observedAttributes() {
      return ["code", "theme", "nombre"];
    }

    connectedCallback() {
      this.load();
    }

    attributeChangedCallback() {
      if (this.isConnected && this.status) this.load();
    }

    get level() {
      const level = Number(this.getAttribute("niveau"));
      return level >= 1 && level <= 5 ? level : 2;
    }

    get address() {
      const portal = this.getAttribute("portail") || ORIGIN;
      const code = encodeURIComponent(this.getAttribute("code") || "");
      const url = new URL(`/fr/api/territoires/${code}/jeux-de-donnees`, portal);
      url.searchParams.set("rows", this.getAttribute("nombre") || "20");
      if (this.getAttribute("theme")) url.searchParams.set("theme", this.getAttribute("theme"));
      return url;
    }

    async load() {
      this.lang = "fr";
      this.replaceChildren();
      this.status = element("p", "Chargement des données du territoire…", this);
      this.status.setAttribute("role", "status");
      const address = this.address;
      try {
        const answer = await fetch(address, { credentials: "omit", headers: { Accept: "application/json" } });
        const body = await answer.json();
        if (address.href !== this.address.href) return; // another territory was chosen meanwhile
        if (answer.ok) this.show(body);
        else this.status.textContent = body.detail || "Le portail n’a pas répondu.";
      } catch (error) {
        this.status.textContent = "Les données du territoire ne sont pas disponibles pour le moment.";
      }
    }

    show(body) {
      const place = body.territory.label;
      const title = element(`h${this.level}`, this.getAttribute("titre") || `Données sur ${place}`);
      this.prepend(title);
      const many = body.count > 1;
      this.status.textContent = body.count
        ? `${body.count.toLocaleString("fr-FR")} ${many ? "jeux de données publics couvrent" : "jeu de données public couvre"} ce territoire.`
        : "Aucun jeu de données public ne couvre ce territoire.";
      for (const group of body.groups) {
        element(`h${this.level + 1}`, group.theme.label, this);
        const list = element("ul", "", this);
        for (const dataset of group.datasets) {
          const item = element("li", "", list);
          link(dataset.title, dataset.url, item);
          const facts = [dataset.producer, dataset.licence].filter((fact) => typeof fact === "string" && fact);
          if (facts.length) element("span", ` – ${facts.join(", ")}`, item);
        }
      }
      const next = (body.links || []).find((other) => other.rel === "next");
      if (next) {
        const all = new URL(`/territoires/${encodeURIComponent(this.getAttribute("code"))}/encart`, this.address);
        link("Voir davantage de données sur le portail", all.href, element("p", "", this));
      }
    }
  }

  if (!customElements.get("donnees-du-territoire")) customElements.define("donnees-du-territoire", TerritoryData);
})();
