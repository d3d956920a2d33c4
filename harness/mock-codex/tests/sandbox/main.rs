//! The sandbox as commands meet it: table g of the observed behaviour, row by row, on every backend
//! that this machine has; and what is left of it when something is killed (nothing).

mod hidden;
mod life;
mod place;
mod probe;
mod rows;
mod sessions;
