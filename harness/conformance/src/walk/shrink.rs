//! Making a session smaller as long as it shows the same.

use proptest::strategy::ValueTree;

/// Simplifies a value as long as `shows` holds of it, in at most `tries` tries. Gives the smallest
/// one found; `None`: nothing smaller shows it.
pub async fn shrink<T: ValueTree>(
    mut tree: T,
    tries: usize,
    mut shows: impl AsyncFnMut(&T::Value) -> bool,
) -> Option<T::Value> {
    let mut smallest = None;
    let mut moved = tree.simplify();
    for _ in 0..tries {
        if !moved {
            break;
        }
        let value = tree.current();
        if shows(&value).await {
            smallest = Some(value);
            moved = tree.simplify();
        } else {
            moved = tree.complicate();
        }
    }
    smallest
}
