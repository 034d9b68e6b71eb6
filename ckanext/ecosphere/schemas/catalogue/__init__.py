"""The catalogue as a whole: adopting and leaving it, its table, licences, inheritance within series."""
