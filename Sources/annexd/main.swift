print("annexd")
