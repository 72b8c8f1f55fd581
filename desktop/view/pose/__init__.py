"""The place where a pose is made: people whose joints are dragged."""
