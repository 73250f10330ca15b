mod conv;
mod heads;
mod norm;
mod optim;
mod ssl;
mod wide_resnet;
