"""What owners say about their pictures: "this is not me"."""
