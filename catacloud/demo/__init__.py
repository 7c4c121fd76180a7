"""The demo: a believable platform, made from a fixed seed through the paths of real usage."""
