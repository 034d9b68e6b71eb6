<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"
  xmlns:eco="http://guichet.example/eco" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://guichet.example/eco http://127.0.0.1:9/gml?REQUEST=DescribeFeatureType"
  numberMatched="{{ matched }}" numberReturned="{{ features | length }}">
  {%- for feature in features %}
  <wfs:member><eco:zones_humides gml:id="{{ feature.id }}">
    <eco:msGeometry><gml:Polygon srsName="urn:ogc:def:crs:EPSG::2154"><gml:exterior><gml:LinearRing><gml:posList>
      {%- for x, y in feature.geometry.coordinates[0] %}{{ " " if not loop.first }}{{ "%.2f %.2f" | format(x, y) }}{% endfor -%}
    </gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></eco:msGeometry>
    {%- for name, value in feature.properties.items() if value is not none %}
    <eco:{{ name }}>{{ value }}</eco:{{ name }}>
    {%- endfor %}
  </eco:zones_humides></wfs:member>
  {%- endfor %}
</wfs:FeatureCollection>
