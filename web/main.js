// Entry point of the page that `scripts/page.sh` builds.

import initialise, * as program from "./remixmatch.js";
import { fail, hasWebGpu, load, start } from "./loader.js";

const { program: address, size } = document.querySelector("script[data-program]").dataset;

try {
  if (await hasWebGpu()) {
    await initialise({ module_or_path: await load(new URL(address, document.baseURI), Number(size)) });
    await start(program);
  }
} catch (error) {
  fail(error);
}
