CREATE VIEW seen AS SELECT * FROM zones;
CREATE TABLE computed (fid INTEGER PRIMARY KEY, a INTEGER, b AS (a + 1));
CREATE INDEX of_expression ON computed (a + 2) WHERE a > 1;
CREATE TRIGGER told AFTER INSERT ON computed BEGIN SELECT 1; END;
INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('seen', 'attributes', 'seen');
