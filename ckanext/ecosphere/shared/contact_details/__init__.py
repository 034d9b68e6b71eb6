"""How people are reached: e-mail addresses and telephone numbers, as they write them."""
