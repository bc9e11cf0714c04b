mod cases;
mod confirm;
mod gitops;
mod random;
mod unseen;
mod versions;
mod world;
