"""What the network is told: a prompt becomes tokens, and tokens become states the picture can attend to."""
