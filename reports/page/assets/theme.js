"use strict";
// The theme that was chosen, before anything is drawn.
try { const t = localStorage.getItem("dunamis-theme"); if (t) document.documentElement.dataset.theme = t } catch { /* a page from a file may have no storage */ }
