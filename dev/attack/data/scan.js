() => {
  const bad = [];
  for (const element of document.querySelectorAll('*')) {
    for (const attribute of element.attributes) {
      const value = attribute.value.replace(/[\u0000-\u0020]/g, '').toLowerCase();
      const told = element.tagName + ' ' + attribute.name + ' ' + value.slice(0, 60);
      const leads = ['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'srcdoc'].includes(attribute.name);
      if (attribute.name.startsWith('on') && value.includes('__owned')) bad.push(told);
      // CKAN's own buttons lead to these, which do nothing.
      const nothing = ['javascript:;', 'javascript:void(0);'].includes(value);
      if (leads && !nothing && /^(javascript|vbscript|data:text\/html)/.test(value)) bad.push(told);
    }
    if (element.tagName === 'A' && element.host && element.host.endsWith('evil.example')
        && !element.getAttribute('href').trim().toLowerCase().startsWith('http')) {
      bad.push('A to ' + element.getAttribute('href'));
    }
  }
  return bad;
}
