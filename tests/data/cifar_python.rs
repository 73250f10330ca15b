//! CIFAR's Python version, as Python 2 and Python 3 pickle it.

use remixmatch::data::Choice;

use super::common::{check_made, cifar_10, fixture, read, read_choice, refused};

#[test]
fn cifar_10_as_python_2_pickled_it() {
    let set = read(&fixture("cifar-10-python.tar.gz")).unwrap();
    assert_eq!((set.format.as_str(), set.name.as_str()), ("CIFAR-10 (Python)", "cifar-10-python.tar.gz"));
    assert_eq!((set.classes[0].as_str(), set.classes[9].as_str()), ("airplane", "truck"));
    assert_eq!(set.train_labels, (0..20).map(|i| Some(i % 10)).collect::<Vec<_>>());
    assert_eq!(set.test_labels, [0, 1, 2, 3, 4]);
    check_made(&set.train, 0..20);
    check_made(&set.test, 20..25);
    assert_eq!((set.flip, set.shift), (true, 4));
}

#[test]
fn cifar_100_with_fine_and_with_coarse_classes() {
    let path = fixture("cifar-100-python.tar.gz");
    let fine = read(&path).unwrap();
    assert_eq!((fine.format.as_str(), fine.classes.len()), ("CIFAR-100 (Python)", 100));
    assert_eq!((fine.classes[42].as_str(), fine.train_labels[42]), ("fine42", Some(42)));
    check_made(&fine.train, 0..100);
    check_made(&fine.test, 100..103);
    let coarse = read_choice(&path, Choice { coarse: true, ..Choice::default() }).unwrap();
    assert_eq!((coarse.classes[2].as_str(), coarse.classes.len()), ("coarse2", 20));
    assert_eq!(coarse.train_labels[42], Some(2));
    assert_eq!(coarse.train, fine.train);
}

#[test]
fn coarse_classes_are_those_of_cifar_100_only() {
    let choice = || Choice { coarse: true, ..Choice::default() };
    refused(read_choice(cifar_10().path(), choice()), &["--coarse", "CIFAR-100", "CIFAR-10 (binary)"]);
    refused(read_choice("builtin:digits".as_ref(), choice()), &["--coarse", "built in (IDX)"]);
}
