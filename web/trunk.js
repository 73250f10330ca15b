// Hooks that Trunk's start script calls while it loads the program.

import { fail, hasWebGpu, progress, start } from "./loader.js";

export default function initialise() {
  return {
    onProgress: ({ current, total }) => progress(total ? current / total : 0, "Loading"),
    onComplete: () => progress(1, "Starting"),
    onSuccess: async () => {
      if (await hasWebGpu()) await start(window.wasmBindings);
    },
    onFailure: fail,
  };
}
