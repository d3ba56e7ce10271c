// SPDX-License-Identifier: Apache-2.0

// Shows new mail: reloads the list when its newest mail has changed, but not while
// somebody types. Without this script a meta element reloads the page now and then.
"use strict";

const main = document.querySelector("main[data-newest]");
const search = document.querySelector("input[type=search]");
const confirmation = document.querySelector("details.confirm");

function busy() {
  return document.hidden || (search && search.value !== search.defaultValue) || (confirmation && confirmation.open);
}

async function look() {
  if (!busy()) {
    try {
      const answer = await fetch("/assets/newest", { cache: "no-store" });
      if (answer.ok && (await answer.text()) !== main.dataset.newest && !busy()) {
        location.reload();
        return;
      }
    } catch {
      // The server is away; it may come back.
    }
  }
  setTimeout(look, 2000);
}

setTimeout(look, 2000);
