"""`wallet doctor`: what is wrong with an installation, each finding with what to do about it."""
