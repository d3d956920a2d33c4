//! Takes out of a transcript what differs between two honest runs.
