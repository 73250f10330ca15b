// What is trained: the paper's network on its images, the one that the presets for small machines take, and the one that
// pretrained weights are for.

export const CLASSES = 10;

export const NETWORKS = [
  { name: "wrn-28-2", batch: 64, size: 32, channels: 3 },
  { name: "wrn-10-1", batch: 32, size: 28, channels: 1 },
  // Not written in Burn's modules.
  { name: "efficientnet-lite0", batch: 16, size: 96, channels: 3, peers: ["torch", "tfjs"] },
];

// As the sides take them, one after another.
export const settings = ({ name, batch, size, channels }, warmUp) => [name, batch, size, channels, CLASSES, warmUp];
