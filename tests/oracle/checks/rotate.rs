//! Checks of the reference's rotations.

use crate::oracle::Map;
use crate::oracle::rotate::{rotated, rotated_batch};

#[test]
fn small_image_rotations_match_hand_computation() {
    // Rows 1 2 and 3 4.
    let image = Map::new([1, 2, 2, 1], vec![1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rotated(&image, 0).data, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rotated(&image, 1).data, [4.0, 3.0, 2.0, 1.0]);
    assert_eq!(rotated(&image, 2).data, [2.0, 4.0, 1.0, 3.0], "the right edge comes to the top");
    assert_eq!(rotated(&image, 3).data, [3.0, 1.0, 4.0, 2.0], "the left edge comes to the top");
}

#[test]
fn each_batch_quarter_has_its_own_rotation() {
    let data = (0..8 * 9 * 2).map(f64::from).collect();
    let batch = Map::new([8, 3, 3, 2], data);
    let found = rotated_batch(&batch);
    for image in 0..8 {
        let values = image * 18..(image + 1) * 18;
        let alone = Map::new([1, 3, 3, 2], batch.data[values.clone()].to_vec());
        assert_eq!(found.data[values], rotated(&alone, image / 2).data, "image {image}");
    }
}
