"""Operations: health, metrics and structured logs of a portal."""
